"""Packaging for Lambda: trim and compile packages, check them, start each as Lambda does."""
