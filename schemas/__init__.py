"""What things are called and must look like: specs, table schemas, the concept-logic expression, errors."""
