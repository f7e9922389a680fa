"""A dataset read class by class: concepts of a class, hard images, slices, what comes together."""
