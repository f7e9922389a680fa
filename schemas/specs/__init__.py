"""What users write: the audit file and the options of every verb, as frozen validated models."""
