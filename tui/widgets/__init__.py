"""Small widgets, drawn on the line API where they are large or change often."""
