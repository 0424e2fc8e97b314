"""What breaks between two programs: TCP links with bad weather, and one that speaks Kafka.

Reading order: `weather` (what a link can be like), `proxy` (a link, and the connections over it),
`kafka_wire` (as much of Kafka's protocol as is needed), `kafka_front` (links in front of brokers,
which lose or falsify the answers to produce requests).
"""
