"""Reports: what is recorded, as a page or a text that can be sent to somebody who has no registry."""
