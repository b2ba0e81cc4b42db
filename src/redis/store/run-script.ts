import { messageOf } from "../../kernel/message-of.js";
import type { StoreClient } from "./store-client.js";

/** How a client is told to run a script, by its SHA-1 or its text. */
type Evaluate = (text: string, keys: string[], args: string[]) => Promise<unknown>;

/** What the server itself says begins with a word in capitals, but for GLIDE. */
const REPLIED = /^[A-Z]{2}[A-Z0-9_]*[ :]|signalled by the server/;

/** The second is how GLIDE tells it. */
const UNKNOWN_SCRIPT = /^NOSCRIPT|NoScriptError/;

/**
 * EVALSHA, and EVAL where the server does not know the script. Every call falls back by itself: the script is unknown to
 * one node of a cluster, and a flush may come in between again.
 */
export function runScript(evalsha: Evaluate, evaluate: Evaluate): StoreClient["run"] {
  return async ({ sha, source }, keys, args) => {
    const texts = args.map(String);
    try {
      return await evalsha(sha, [...keys], texts);
    } catch (error) {
      // An error of the script cache means that nothing ran.
      if (!UNKNOWN_SCRIPT.test(messageOf(error))) throw error;
      return evaluate(source, [...keys], texts);
    }
  };
}

/** Whether an error is the server's answer, and not one that the client has made for want of one. */
export function isReply(error: unknown): boolean {
  return REPLIED.test(messageOf(error));
}
