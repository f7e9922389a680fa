"""What changed between two sets of images, concept by concept."""
