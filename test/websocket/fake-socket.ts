import { ManualClock } from "../../src/testing/index.js";
import { WebSocketManager, type WebSocketManagerOptions } from "../../src/websocket/index.js";

/** A socket that does what the test says, with what that of `ws` can. */
export class FakeSocket extends EventTarget {
  binaryType = "blob";
  readyState = 0;
  bufferedAmount = 0;
  isPaused = false;
  isTerminated = false;
  readonly sent: unknown[] = [];
  readonly closes: unknown[] = [];
  pings = 0;
  /** Listeners that were added and not removed. */
  readonly listeners = new Map<string, number>();

  override addEventListener(...args: Parameters<EventTarget["addEventListener"]>): void {
    this.listeners.set(args[0], (this.listeners.get(args[0]) ?? 0) + 1);
    super.addEventListener(...args);
  }

  override removeEventListener(...args: Parameters<EventTarget["removeEventListener"]>): void {
    this.listeners.set(args[0], (this.listeners.get(args[0]) ?? 0) - 1);
    super.removeEventListener(...args);
  }

  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  deliver(data: unknown): void {
    this.tell("message", { data });
  }

  tell(event: string, properties: object = {}): void {
    this.dispatchEvent(Object.assign(new Event(event), properties));
  }

  /** The other side has closed it. */
  end(code: number, reason = ""): void {
    this.readyState = 3;
    this.tell("close", { code, reason });
  }

  send(data: unknown): void {
    if (data instanceof ArrayBuffer && data.byteLength === 0) throw new TypeError("detached");
    this.sent.push(data);
  }

  close(code?: number): void {
    this.closes.push(code);
    this.readyState = 2;
  }

  ping(): void {
    this.pings++;
  }

  terminate(): void {
    this.isTerminated = true;
    this.readyState = 3;
  }

  /** Like that of `ws`, which ignores it before it is open. */
  pause(): void {
    if (this.readyState === 1 || this.readyState === 2) this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }
}

/** A manager on a manual clock, whose sockets are those of the test, in the order in which they were made. */
export class Staged {
  readonly clock = new ManualClock();
  readonly sockets: FakeSocket[] = [];
  readonly events: (readonly [string, unknown])[] = [];
  readonly ws: WebSocketManager;

  constructor(options: WebSocketManagerOptions = {}, url: () => string = () => "ws://127.0.0.1:9") {
    const { sockets } = this;
    class Socket extends FakeSocket {
      constructor() {
        super();
        sockets.push(this);
      }
    }
    this.ws = new WebSocketManager(url, {
      WebSocket: Socket,
      clock: this.clock,
      random: () => 0.5,
      ...options,
    });
    for (const name of ["connect", "disconnect", "reconnecting", "gap", "dropped", "error"] as const) {
      this.ws.on(name, (payload) => this.events.push([name, payload]));
    }
  }

  /** Payloads of one event. */
  told(name: string): unknown[] {
    return this.events.filter(([event]) => event === name).map(([, payload]) => payload);
  }

  /** The socket with this index, made but not yet open. */
  async socket(index: number): Promise<FakeSocket> {
    await this.clock.advance(0);
    const socket = this.sockets[index];
    if (socket === undefined) throw new Error(`there is no socket ${index}`);
    return socket;
  }

  /** Connects by the first socket. */
  async connected(): Promise<FakeSocket> {
    const done = this.ws.connect();
    const socket = await this.socket(0);
    socket.open();
    await done;
    return socket;
  }
}
