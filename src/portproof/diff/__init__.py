"""What changed between two audits. Pure: results in, changes out."""
