"""Front ends that run in a page without a kernel; their mathematics is in ``js``, checked against the core."""
