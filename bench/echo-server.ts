// The baseline of the benchmarks: hyper-express over HTTPS that parses a JSON body and answers one, and nothing more.
// Arguments: key file, certificate file. Prints its port when it listens.
import hyperExpress from "hyper-express";

const [, , key = "", cert = ""] = process.argv;
const server = new hyperExpress.Server({ key_file_name: key, cert_file_name: cert, fast_abort: true });
server.post("/echo", async (request, response) => {
  const [a, b] = (await request.json()) as [number, number];
  response.json(a + b);
});
await server.listen(0, "127.0.0.1");
console.log(server.port);
