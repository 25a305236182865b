import { describe, expect, it } from "vitest";

import { type Channel, channelLine, channelOf, draftOf, goesTo } from "./channel";

const MAIL = {
  kind: "email",
  host: "mail.example.com",
  recipients: ["a@example.com", "b@example.com"],
  sender: "yard@example.com",
  username: "",
  password_env: "OPS_SMTP_PASSWORD",
  url: "",
  url_env: "",
  secret_env: "",
  routing_key_env: "",
  models: [],
  severity: "info",
  description: "",
  tls: "tls",
  port: 465,
} as unknown as Channel;

describe("a channel", () => {
  it("keeps what its form does not show", () => {
    expect(channelOf(draftOf("mail", MAIL), MAIL)).toMatchObject({ tls: "tls", port: 465, recipients: MAIL.recipients });
  });

  it("forgets the fields of another kind", () => {
    const changed = channelOf({ ...draftOf("mail", MAIL), kind: "slack", url_env: "OPS_WEBHOOK_URL" }, MAIL);
    expect(changed).toEqual({ kind: "slack", url_env: "OPS_WEBHOOK_URL", models: [], severity: "info", description: "" });
  });

  it("is a line with the names of its secrets", () => {
    expect(channelLine(draftOf("mail", MAIL))).toBe(
      "modelyard alert channel set mail --kind email --host mail.example.com --password-env OPS_SMTP_PASSWORD" +
        " --sender yard@example.com --recipients a@example.com,b@example.com",
    );
    expect(goesTo(MAIL)).toBe("a@example.com, b@example.com");
    expect(goesTo({ ...MAIL, kind: "slack", url_env: "OPS_WEBHOOK_URL" })).toContain("OPS_WEBHOOK_URL");
  });
});
