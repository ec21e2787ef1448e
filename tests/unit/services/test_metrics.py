"""Metrics for Prometheus, whose number strangers cannot increase."""

import re

from prometheus_client import generate_latest

from services.management import Metrics

MOST_LANES = 32


def samples(metrics: Metrics) -> list[str]:
    return generate_latest(metrics.registry).decode().splitlines()


def test_requests_are_counted_by_lane_and_status() -> None:
    metrics = Metrics("mocka", "v2", "own 0.64b0")
    metrics.observe_request("v2", 200, 0.002)
    metrics.observe_request("v2", 200, 0.002)
    metrics.observe_request("", 502, 0.5)
    lines = samples(metrics)
    assert 'service_info{app="mocka",instrumentation="own 0.64b0",version="v2"} 1.0' in lines
    assert 'http_request_duration_seconds_count{lane="v2",status="200"} 2.0' in lines
    assert 'http_request_duration_seconds_count{lane="",status="502"} 1.0' in lines
    assert 'http_request_duration_seconds_sum{lane="",status="502"} 0.5' in lines


def test_calls_are_counted_by_upstream_and_status() -> None:
    metrics = Metrics("mocka", "v2", "own 0.64b0")
    metrics.observe_upstream("http://mockb/", 504, 5)
    wanted = 'http_upstream_duration_seconds_count{status="504",upstream="http://mockb/"} 1.0'
    assert wanted in samples(metrics)


def test_the_buckets_are_seconds_from_a_short_hop_to_a_long_timeout() -> None:
    metrics = Metrics("mocka", "v2", "own 0.64b0")
    metrics.observe_request("", 200, 0)
    found = re.findall(r'http_request_\w+_bucket{.*le="(.*?)"', "\n".join(samples(metrics)))
    assert " ".join(found[:7]) == "0.001 0.0025 0.005 0.01 0.025 0.05 0.1"
    assert " ".join(found[7:]) == "0.25 0.5 1.0 2.5 5.0 10.0 +Inf"


def test_invented_lanes_end_up_in_one_series() -> None:
    metrics = Metrics("mocka", "v2", "own 0.64b0")
    for number in range(MOST_LANES + 10):
        metrics.observe_request(f"made-up-{number}", 200, 0)
    metrics.observe_request("made-up-0", 200, 0)
    counts = [line for line in samples(metrics) if line.startswith("http_request_duration_sec")]
    counts = [line for line in counts if "_count" in line]
    assert len(counts) == MOST_LANES + 1
    assert 'http_request_duration_seconds_count{lane="other",status="200"} 10.0' in counts
    assert 'http_request_duration_seconds_count{lane="made-up-0",status="200"} 2.0' in counts
