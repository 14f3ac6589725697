"""How often the rule for surges raises a false alarm, and how soon it finds a true one.

    python benchmarks/surges.py [--weeks 12] [--runs 10] [--intents 15]

The traffic is made here: a daily and a weekly pattern, and shares that vary from hour to hour and
from day to day beyond chance, by 0 to 30 %. False alarms are those of all series together; the
delay is that of one series, from a moment drawn at random.
"""

import argparse
from statistics import median

import numpy as np

from benchmarks._made_traffic import START, Raised, shares_of, traffic, watched
from bot.monitor.surges import DAY, FALSE_ALARMS_A_WEEK, HOUR, WEEK

VARYING = ((0.0, 0.0), (0.2, 0.05), (0.3, 0.15))
PATIENCE = 7 * DAY


def false_alarms(hourly: float, intents: int, varying: tuple[float, float], weeks: int) -> float:
    """False alarms a week, all series together."""
    rng = np.random.default_rng(7)
    noise, daily = varying
    size = START + weeks * WEEK
    found = traffic(rng, size, hourly, intents, noise=noise, daily_noise=daily)
    return sum(told.began for told in watched(found)) / weeks


def delays(hourly: float, intents: int, series: int, factor: float, runs: int) -> list[float]:
    """Hours until the surge is told; infinite where a week does not suffice."""
    found = []
    for run in range(runs):
        rng = np.random.default_rng(run)
        since = START + int(rng.integers(DAY))
        size = since + PATIENCE
        raised = Raised(series, factor, since, size)
        made = traffic(rng, size, hourly, intents, noise=0.2, daily_noise=0.05, raised=raised)
        told = (t.window for t in watched(made, START) if t.series == series and t.window >= since)
        found.append((next(told, float("inf")) + 1 - since) / HOUR)
    return found


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--weeks", type=int, default=12)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--intents", type=int, default=15)
    asked = parser.parse_args()
    series = 4 * (1 + asked.intents)
    print(f"false alarms a week, {series} series, {asked.weeks} weeks each", end="; ")
    print(f"stated: at most {FALSE_ALARMS_A_WEEK:g}")
    print(f"{'chats an hour':>14}" + "".join(f"{f'±{h:.0%}, ±{d:.0%}':>13}" for h, d in VARYING))
    for hourly in (5, 20, 100, 500):
        rates = [false_alarms(hourly, asked.intents, varying, asked.weeks) for varying in VARYING]
        print(f"{hourly:>14}" + "".join(f"{rate:>13.2f}" for rate in rates), flush=True)
    print(f"\nhours until a surge is told: median (worst of {asked.runs}), ±20% an hour, ±5% a day")
    print(f"{'chats an hour':>14}{'share':>9}" + "".join(f"{f'x{f}':>18}" for f in (2, 3, 5)))
    for hourly in (5, 20, 100):
        for number in (0, 1, 4):
            cells = [delays(hourly, asked.intents, number, f, asked.runs) for f in (2, 3, 5)]
            text = "".join(f"{f'{median(cell):.1f} ({max(cell):.1f})':>18}" for cell in cells)
            share = shares_of(asked.intents)[number]
            print(f"{hourly:>14}{share:>9.1%}{text}", flush=True)


if __name__ == "__main__":
    main()
