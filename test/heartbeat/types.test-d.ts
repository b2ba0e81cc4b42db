import { expectTypeOf, test } from "vitest";
import type { HeartbeatOptions } from "../../src/heartbeat/options.js";

type Metadata = HeartbeatOptions["metadata"];

interface Meta {
  readonly version: string;
  readonly tags?: readonly string[];
}

test("metadata may have a type of the application's own, also an interface", () => {
  const literal: HeartbeatOptions = { metadata: { version: "1.0.0", bind: "0.0.0.0" } };
  const result: HeartbeatOptions = { metadata: () => ({ version: "1.0.0", list: [{ a: 1 }] }) };
  expectTypeOf([literal, result]).toExtend<HeartbeatOptions[]>();
  expectTypeOf<Meta>().toExtend<Metadata>();
  expectTypeOf<() => Meta>().toExtend<Metadata>();
  expectTypeOf<Readonly<Record<string, unknown>>>().toExtend<Metadata>();
  expectTypeOf<object>().toExtend<Metadata>();
});

test("metadata is no promise, list, map or text, and no function that returns one", () => {
  expectTypeOf<Promise<Meta>>().not.toExtend<Metadata>();
  expectTypeOf<() => Promise<Meta>>().not.toExtend<Metadata>();
  expectTypeOf<() => number>().not.toExtend<Metadata>();
  expectTypeOf<readonly number[]>().not.toExtend<Metadata>();
  expectTypeOf<Map<string, string>>().not.toExtend<Metadata>();
  expectTypeOf<() => Map<string, string>>().not.toExtend<Metadata>();
  expectTypeOf<string>().not.toExtend<Metadata>();
});
