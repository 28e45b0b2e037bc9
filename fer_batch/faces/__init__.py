"""One face: alignment, boxes, embedding, head pose, sharpness."""
