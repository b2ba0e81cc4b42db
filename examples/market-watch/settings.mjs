// @ts-check
// What the exchange and its clients agree on, as in the documentation of a real one.

export const SYMBOLS = ["BTCUSDT", "ETHUSDT"];
/** Milliseconds of one candle; real ones begin at a second. */
export const CANDLE_MS = 200;
/** The candles in one answer to a request by time. */
export const CANDLES_PER_REQUEST = 10;
/** The requests that the exchange allows in any second. */
export const REQUESTS_PER_SECOND = 10;
/** A connection that is younger than this survives the maintenance of the stream, which is once a minute. */
export const YOUNG_MS = 2500;
/** A client opens its next connection this long before the maintenance: late enough for it to be young. */
export const HANDOVER_EARLY_MS = 1500;
