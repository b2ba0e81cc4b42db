import { describe, expect, test } from "vitest";
import { Latencies } from "../../../src/policies/hedge/latencies.js";

const upTo = (count: number): Latencies => {
  const latencies = new Latencies();
  for (let latency = 1; latency <= count; latency++) latencies.add(latency);
  return latencies;
};

describe("a percentile of latencies", () => {
  test("is unknown until there are 20", () => {
    expect(upTo(19).percentile(0.5)).toBeUndefined();
    expect(upTo(20).percentile(0.5)).toBe(11);
  });

  test.each([
    [0.001, 2],
    [0.5, 101],
    [0.95, 191],
    [0.999, 200],
  ])("of %d is the latency that no more than the rest exceed: %d of 1 to 200", (share, latency) => {
    expect(upTo(200).percentile(share)).toBe(latency);
  });

  test("is that of the last 200", () => {
    const latencies = upTo(200);
    for (let call = 1; call <= 100; call++) latencies.add(1000);
    expect(latencies.percentile(0.001)).toBe(102);
    expect(latencies.percentile(0.001)).toBe(102);
    for (let call = 1; call <= 100; call++) latencies.add(1000);
    expect(latencies.percentile(0.001)).toBe(1000);
  });

  test("is computed again after ten more", () => {
    const latencies = upTo(20);
    expect(latencies.percentile(0.999)).toBe(20);
    for (let call = 1; call <= 9; call++) latencies.add(1000);
    expect(latencies.percentile(0.999)).toBe(20);
    latencies.add(1000);
    expect(latencies.percentile(0.999)).toBe(1000);
    for (let call = 1; call <= 9; call++) latencies.add(2000);
    expect(latencies.percentile(0.999)).toBe(1000);
  });
});
