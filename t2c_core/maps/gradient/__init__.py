"""What is fitted by gradient descent, with torch: published SGD aligners, cross-entropy aligners, linear heads."""
