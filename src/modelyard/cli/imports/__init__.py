"""What `import` does: `exports` takes over registries of modelyard, `moving` what comes from other systems."""
