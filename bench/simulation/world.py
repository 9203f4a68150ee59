"""The environments of a function with their upstreams."""

import simpy
from calendly import Calendly
from environment import Environment
from fleet import Fleet
from table import Table


class World:
    """A fleet of environments that share a quota, and a table if `settings` say so."""

    def __init__(self, begin, settings, durations, rate_limit, max_environments, tally, **options):
        self.simulation = simpy.Environment(initial_time=begin)
        self.settings, self.durations = settings, durations
        self.calendly = Calendly(self.simulation, durations.calendly, rate_limit)
        self.table = Table(self.simulation, durations.table) if settings.has_table else None
        # Times at which environments read a PAT.
        self.secret_reads = []
        self.fleet = Fleet(self.simulation, self.environment, max_environments, tally, **options)

    def environment(self):
        shared = (self.settings, self.durations, self.calendly, self.table, self.secret_reads)
        return Environment(self.simulation, *shared)

    def run(self, arrivals):
        """Simulates requests, given as (time, question), until all of them are answered."""

        def arrive():
            for moment, question in arrivals:
                yield self.simulation.timeout(max(0, moment - self.simulation.now))
                self.fleet.arrive(question)

        self.simulation.process(arrive())
        self.simulation.run()
