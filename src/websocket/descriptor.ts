import { type Meanings, type SectionDescriptor, sectionRules } from "../kernel/descriptor.js";
import { webSocketManagerRules } from "./options.js";

export const section: SectionDescriptor = { rules: sectionRules(webSocketManagerRules) };

export const meanings: Meanings = {
  means: "Connections that stay alive; read by WebSocketManager.",
  options: {},
};
