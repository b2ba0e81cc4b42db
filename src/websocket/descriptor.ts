import { type Meanings, type SectionDescriptor, sectionRules } from "../kernel/descriptor.js";
import { webSocketManagerRules } from "./option-rules.js";

export const section: SectionDescriptor = { rules: sectionRules(webSocketManagerRules) };

export const meanings: Meanings = {
  means: "Connections that stay alive; read by WebSocketManager.",
  options: {
    preset: { means: "defaults for a kind of use: trading or monitoring", example: "trading" },
    protocols: { means: "subprotocols to offer", example: "graphql-transport-ws" },
    ping: { means: "how a lost connection is found", example: "{ interval: 20s, timeout: 10s }" },
    connection: { means: "how long an attempt may take", example: "{ timeout: 30s }" },
    reconnect: { means: "the delays between attempts", example: "{ delay: 1s, max_delay: 60s }" },
    queue: { means: "how much may wait, in each direction", example: "{ size: 1000 }" },
    proactive: { means: "planned reconnects", example: "{ every: 23h50m, handover: true }" },
  },
  instances: "trading: { ping: { interval: 5s, timeout: 3s }, reconnect: { max_delay: 10s } }",
};
