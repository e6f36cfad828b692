"""Results and rendered reports that tests of the report share."""
