"""Reviewing candidate mappings: who decided what, and what the mapping set says after that.

`ReviewSession` is what a page or a terminal works with. Below it: `decisions` (what can be said of
a pair, and what several readers' votes make together), `journal` (each vote on the disk before it
counts), `candidates` and `weights` (what is reviewed, in which order), `queue` (who gets what),
`outcome` (the mapping set with what was decided), `term_cards` (what a reader sees).
"""
