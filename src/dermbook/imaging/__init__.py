"""Filters, augmentation and composite panels (filled by Part II)."""
