"""What the OWASP Application Security Verification Standard 5.0 asks for, item by item; docs/security.md has the table."""
