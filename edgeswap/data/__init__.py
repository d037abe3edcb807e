"""Datasets, splits, preprocessing and calibration samples."""
