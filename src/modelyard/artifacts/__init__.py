"""Bytes by digest: puts files in, hands verified bytes out, and knows nothing of models.

Start at `opening.open_store`, which gives an `ArtifactStore` for a folder or a bucket. `layout` draws the tree on disk.
"""
