import { from, type Metric, one, SECONDS } from "./definition.js";

// These parts are entries of their own, which do not know one another: what their messages have is declared here.

interface ScheduleEvents {
  readonly boundary: { readonly missed: number };
  readonly overrun: object;
  readonly error: object;
}

interface AlertEvents {
  readonly sent: { readonly count: number };
  readonly failed: object;
  readonly dropped: { readonly count: number };
}

interface WebSocketEvents {
  readonly connect: object;
  readonly disconnect: { readonly reason: string };
  readonly message: object;
  readonly gap: { readonly seconds: number };
  readonly dropped: { readonly direction: string; readonly count: number };
  readonly error: object;
}

interface StoreEvents {
  readonly down: object;
}

interface HeartbeatWatchEvents {
  readonly joined: object;
  readonly lost: object;
  readonly stopped: object;
}

/** Schedule, alerts, WebSocket and Redis. */
export const metricsApart: readonly Metric[] = [
  {
    type: "counter",
    name: "schedule.boundaries",
    unit: "{boundary}",
    description: "Boundaries for which a callback was called, or was still running.",
    attribute: { key: "outcome", values: ["called", "overrun"] },
    events: from<ScheduleEvents>("schedule", { boundary: () => "called", overrun: () => "overrun" }),
  },
  {
    type: "counter",
    name: "schedule.missed",
    unit: "{boundary}",
    description: "Boundaries that were passed and not told.",
    events: from<ScheduleEvents>("schedule", { boundary: one }, { boundary: ({ missed }) => missed }),
  },
  {
    type: "counter",
    name: "schedule.failures",
    unit: "{call}",
    description: "Callbacks that threw or rejected.",
    events: from<ScheduleEvents>("schedule", { error: one }),
  },
  {
    type: "counter",
    name: "alerts.deliveries",
    unit: "{message}",
    description: "Messages that the channels of an alert manager have delivered or could not deliver.",
    attribute: { key: "outcome", values: ["success", "failure"] },
    events: from<AlertEvents>("alerts", { sent: () => "success", failed: () => "failure" }),
  },
  {
    type: "counter",
    name: "alerts.dropped",
    unit: "{alert}",
    description: "Alerts that were lost because the manager was closed.",
    events: from<AlertEvents>("alerts", { dropped: one }, { dropped: ({ count }) => count }),
  },
  {
    type: "gauge",
    name: "websocket.state",
    unit: "{connection}",
    description: "How many WebSocket managers are in the state.",
    attribute: {
      key: "state",
      values: ["disconnected", "connecting", "connected", "reconnecting", "closing", "closed"],
    },
    kinds: ["websocket"],
    read: ({ state }: { readonly state: string }) => state,
  },
  {
    type: "counter",
    name: "websocket.connects",
    unit: "{connection}",
    description: "Attempts to connect, by how they ended.",
    attribute: { key: "outcome", values: ["success", "failure"] },
    events: from<WebSocketEvents>("websocket", { connect: () => "success", error: () => "failure" }),
  },
  {
    type: "counter",
    name: "websocket.disconnects",
    unit: "{connection}",
    description: "Connections that have ended, by the reason.",
    attribute: {
      key: "reason",
      values: ["closed", "requested", "scheduled", "server-closed", "network-error", "ping-timeout"],
    },
    events: from<WebSocketEvents>("websocket", { disconnect: ({ reason }) => reason }),
  },
  {
    type: "counter",
    name: "websocket.messages",
    unit: "{message}",
    description: "Messages that were received, without doubles.",
    events: from<WebSocketEvents>("websocket", { message: one }),
  },
  {
    type: "counter",
    name: "websocket.dropped",
    unit: "{message}",
    description: "Messages that were lost here.",
    attribute: { key: "direction", values: ["received", "queued"] },
    events: from<WebSocketEvents>(
      "websocket",
      { dropped: ({ direction }) => direction },
      { dropped: ({ count }) => count },
    ),
  },
  {
    type: "histogram",
    name: "websocket.gap.duration",
    unit: "s",
    description: "Time without a connection, whose messages may be missing.",
    events: from<WebSocketEvents>("websocket", { gap: one }, { gap: ({ seconds }) => seconds }),
    buckets: [...SECONDS, 30, 60, 300],
  },
  {
    type: "counter",
    name: "store.outages",
    unit: "{outage}",
    description: "How often the Redis of shared components has stopped answering.",
    events: from<StoreEvents>("store", { down: one }),
  },
  {
    type: "counter",
    name: "heartbeat_watch.changes",
    unit: "{instance}",
    description: "Instances of a service that have come and gone.",
    attribute: { key: "change", values: ["joined", "lost", "stopped"] },
    events: from<HeartbeatWatchEvents>("heartbeat-watch", {
      joined: () => "joined",
      lost: () => "lost",
      stopped: () => "stopped",
    }),
  },
];
