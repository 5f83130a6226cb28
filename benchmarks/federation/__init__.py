"""Federation engines side by side: right answers first, then time and requests.

``python -m benchmarks.federation --help`` says how it is run. A *benchmark* (`templates.Benchmark`)
gives members' data and query templates; the members are served by one ``oxigraph`` process each
(`members`), reached through a proxy that delays and counts (`proxy`); an *engine*
(`engines.base.Engine`) answers; the runner compares with the merged store (`oracle`).
"""
