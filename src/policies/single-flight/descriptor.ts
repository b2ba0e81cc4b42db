import type { ComponentDescriptor } from "../../kernel/descriptor.js";
import type { SingleFlightOptions } from "./options.js";
import { SingleFlight, type SingleFlightEvents } from "./single-flight.js";

export const component: ComponentDescriptor<SingleFlight, SingleFlightEvents> = {
  kind: "single-flight",
  events: { joined: true },
  make: (options: SingleFlightOptions) => new SingleFlight(options),
};
