import { describe, expect, test } from "vitest";
import { curlLine } from "./forms";

describe("the line that calls a workflow", () => {
  test("is one command for a shell, whatever the values hold", () => {
    const values = { prompt: 'it\'s a "star" $HOME `x`', seed: 18446744073709551615n };
    expect(curlLine("http://localhost:1", "/api/v1/workflows/a%2Fb/run", values)).toBe(
      [
        "curl 'http://localhost:1/api/v1/workflows/a%2Fb/run?wait=60' -o picture.png \\",
        "  -H 'Content-Type: application/json' \\",
        `  -d '{"prompt":"it'\\''s a \\"star\\" $HOME \`x\`","seed":18446744073709551615}'`,
      ].join("\n"),
    );
  });
});
