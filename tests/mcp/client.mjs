// Lists and calls the tools with both TypeScript SDKs: `node client.mjs URL TOKEN` prints what each has seen.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [url, token, packages] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${packages}/`));
const load = (name) => import(pathToFileURL(require.resolve(name)));
const requestInit = { headers: { Authorization: `Bearer ${token}` } };

const before = await load("@modelcontextprotocol/sdk/client/index.js");
const beforeTransport = await load("@modelcontextprotocol/sdk/client/streamableHttp.js");
const now = await load("@modelcontextprotocol/client");
const info = { name: "test", version: "1" };

const clients = {
  sdk: [new before.Client(info), new beforeTransport.StreamableHTTPClientTransport(new URL(url), { requestInit })],
  client: [
    new now.Client(info, { versionNegotiation: { mode: "auto" } }),
    new now.StreamableHTTPClientTransport(new URL(url), { requestInit }),
  ],
};

const seen = {};
for (const [name, [client, transport]] of Object.entries(clients)) {
  await client.connect(transport);
  // Each client checks structured content against the output schemas of the list.
  const { tools } = await client.listTools();
  const times = await client.callTool({ name: "check_availability", arguments: { max_times: 2 } });
  const problem = await client.callTool({ name: "check_availability", arguments: { start: "soon" } });
  seen[name] = {
    tools: tools.map((tool) => tool.name),
    more: times.structuredContent.more,
    isError: problem.isError,
    parameter: problem.structuredContent.parameter,
  };
  await client.close();
}
console.log(JSON.stringify(seen));
