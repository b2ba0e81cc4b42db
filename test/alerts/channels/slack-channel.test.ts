import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SlackChannel, type SlackFormat } from "../../../src/alerts/index.js";
import { delivery, never, serve } from "./servers.js";

interface SlackMessage {
  readonly text: string;
  readonly blocks: readonly {
    readonly type: string;
    readonly text: { readonly type: string; readonly text: string };
  }[];
}

async function sent(
  changes: Parameters<typeof delivery>[0],
  options: { format?: SlackFormat; username?: string; iconEmoji?: string } = {},
): Promise<unknown> {
  const server = await serve();
  await new SlackChannel({ webhookUrl: server.url, ...options }).deliver(delivery(changes), never);
  return JSON.parse(server.got[0]?.body ?? "");
}

const HOSTILE = "<!channel> <@U1> @here *bold* `code` &amp; <https://evil.example|click>";

describe("a message for Slack", () => {
  test("has a text, and blocks of plain text", async () => {
    expect(await sent({}, { username: "bot", iconEmoji: ":robot_face:" })).toEqual({
      text: "⚠️ disk almost full\n/var: 97 %",
      mrkdwn: false,
      blocks: [
        { type: "header", text: { type: "plain_text", text: "⚠️ disk almost full" } },
        { type: "section", text: { type: "plain_text", text: "/var: 97 %" } },
      ],
      username: "bot",
      icon_emoji: ":robot_face:",
    });
  });

  test("says how many alerts it stands for, and that a problem is over", async () => {
    expect(await sent({ count: 38 })).toMatchObject({ text: "⚠️ disk almost full × 38\n/var: 97 %" });
    expect(await sent({ isRecovery: true, body: "" })).toMatchObject({
      text: "✅ Resolved: disk almost full",
      blocks: { length: 1 },
    });
  });

  test("can neither be formatted nor mention anybody by what an alert says", async () => {
    const { text, blocks } = (await sent({ title: HOSTILE, body: HOSTILE })) as SlackMessage;
    expect(text).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
    expect(blocks.map((block) => block.text)).toEqual([
      { type: "plain_text", text: `⚠️ ${HOSTILE}` },
      { type: "plain_text", text: HOSTILE },
    ]);
  });

  test("keeps to the limits visibly, and halves no character", async () => {
    const { blocks } = (await sent({
      title: "😀".repeat(200),
      body: "😀".repeat(4000),
      count: 38,
    })) as SlackMessage;
    const [header = "", section = ""] = blocks.map((block) => block.text.text);
    expect(header.length).toBeLessThanOrEqual(150);
    expect(header).toMatch(/^⚠️ 😀+… × 38$/u);
    expect(section.length).toBeLessThanOrEqual(3000);
    expect(section).toMatch(/^😀+…$/u);
  });

  test("keeps to the limits also when every character is escaped", async () => {
    const alert = { title: "&".repeat(200), body: "<".repeat(4000), count: 38 };
    const { text, blocks } = (await sent(alert)) as SlackMessage;
    const [header = "", section = ""] = blocks.map((block) => block.text.text);
    expect(header).toMatch(/^⚠️ &{27}… × 38$/u);
    expect(section).toMatch(/^<{749}…$/);
    expect(text).toBe(`${header.replaceAll("&", "&amp;")}\n${section.replaceAll("<", "&lt;")}`);
  });

  test("has no control character, half of a character or change of direction", async () => {
    const { blocks } = (await sent({
      title: "a\r\nb\u0000\u202Ec",
      body: "one\r\n\ttwo\u001B[31m\uD800 three\u2028",
    })) as SlackMessage;
    expect(blocks.map((block) => block.text.text)).toEqual(["⚠️ a b c", "one\n\ttwo [31m\uFFFD three"]);
  });
});

describe("a message for Mattermost and Discord", () => {
  test("is Markdown in which an alert formats nothing and mentions nobody", async () => {
    const { text } = (await sent(
      { title: HOSTILE, body: "# head\n- list\n1. one\n> quote\n[a](b)\n~~x~~" },
      {
        format: "mattermost",
      },
    )) as { readonly text: string };
    expect(text).toBe(
      `**⚠️ <\u200B!channel\\> <\u200B@\u200BU1\\> @\u200Bhere \\*bold\\* \\\`code\\\` &amp; <\u200Bhttps://evil.example\\|click\\>**\n` +
        String.raw`\# head
\- list
1\. one
\> quote
\[a\]\(b\)
\~\~x\~\~`,
    );
  });

  test("of Discord mentions nobody at all, and has 2,000 characters at most", async () => {
    const options = { format: "discord", username: "bot", iconEmoji: ":x:" } as const;
    const found = (await sent({ body: "*".repeat(2990) }, options)) as { readonly content: string };
    expect(found).toEqual({
      content: expect.stringMatching(/^\*\*⚠️ disk almost full\*\*\n(?:\\\*)+…$/),
      allowed_mentions: { parse: [] },
      username: "bot",
    });
    expect(found.content.length).toBeLessThanOrEqual(2000);
    expect(found.content.length).toBeGreaterThan(1990);
    const plain = (await sent({ body: "x".repeat(2990) }, options)) as { readonly content: string };
    expect(plain.content.length).toBeGreaterThan(1900);
  });
});

test("no text leaves the limits of a format, adds a line to a title, or has a meaning in its markup", async () => {
  const server = await serve();
  const characters = fc.constantFrom(
    ..."\\`*_{}[]()#|~><@&!-+=.: \t\r\n\u0000\u2028\u202E\uD800\uDC00a1".split(""),
    "😀",
    "<!here>",
  );
  const texts = fc
    .tuple(fc.array(characters, { maxLength: 40 }), fc.constantFrom(1, 10, 200))
    .map(([found, times]) => found.join("").repeat(times));
  await fc.assert(
    fc.asyncProperty(texts, texts, fc.boolean(), async (title, body, isRecovery) => {
      const alert = delivery({ title, body, isRecovery, count: 12 });
      server.got.length = 0;
      for (const format of ["slack", "mattermost", "discord"] as const) {
        await new SlackChannel({ webhookUrl: server.url, format }).deliver(alert, never);
      }
      const [slack, mattermost, discord] = server.got.map((got) => JSON.parse(got.body) as SlackMessage);
      const [header = "", section = "x"] = slack?.blocks.map((block) => block.text.text) ?? [];
      expect(header).toMatch(/^.* × 12$/u);
      expect(header.length).toBeLessThanOrEqual(150);
      expect(section.length).toBeLessThanOrEqual(3000);
      expect(section).toMatch(/\S/);
      expect(slack?.text).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
      const { content } = discord as unknown as { readonly content: string };
      expect(content.length).toBeLessThanOrEqual(2000);
      for (const markdown of [mattermost?.text ?? "", content]) {
        const [first = "", ...rest] = markdown.split("\n");
        expect(first).toMatch(/^\*\*.* × 12\*\*$/u);
        const bare = [first.slice(2, -2), ...rest].map((line) => line.replaceAll(/\\[!-/:-@[-`{-~]/g, "x"));
        expect(bare.join("\n")).not.toMatch(/[\\`*_{}[\]()#|~>]|[<@](?!\u200B)|^\s*[-+=]|^\s*\d+\./m);
      }
      expect(server.got.map((got) => got.body).join("")).not.toMatch(/\p{Cs}|[\u2028\u202E]|\\u0000|\\ud8/u);
    }),
    { numRuns: 100 },
  );
});
