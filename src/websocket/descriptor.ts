import { type Meanings, type SectionDescriptor, sectionRules } from "../kernel/descriptor.js";
import { webSocketManagerRules } from "./option-rules.js";

export const section: SectionDescriptor = { rules: sectionRules(webSocketManagerRules) };

export const meanings: Meanings = {
  means: "Connections that stay alive; read by WebSocketManager.",
  options: {
    preset: { means: "defaults for a kind of use: trading or monitoring", example: "trading" },
    protocols: { means: "subprotocols to offer" },
    ping: { means: "how a lost connection is found" },
    connection: { means: "how long an attempt may take" },
    reconnect: { means: "the delays between attempts" },
    queue: { means: "how much may wait, in each direction" },
    proactive: { means: "planned reconnects", example: "{ every: 23h50m, handover: true }" },
  },
  instances: "trading: { preset: trading }",
};
