"""Conversion of data: RDF, tables and phenopackets, with a report of what was lost."""
