// Posts to a Channel by both names that it has had since 2018: that of its Service, and the one that stood in the Host header
// behind the Istio of the time. Whatever is posted goes on as it is.
import { request } from "node:http";

const { CHANNEL: channel, NAMESPACE: namespace } = process.env;
const service = `${channel}-channel.${namespace}.svc.cluster.local`;

await post(service);
await post(`${channel}.${namespace}.channels.cluster.local`);

async function post(host) {
  const body = `aloha by ${host.split(".")[2]}`;
  const status = await new Promise((resolve, reject) => {
    const headers = { host, "content-type": "text/plain" };
    const posted = request({ host: service, method: "POST", headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    posted.on("error", reject);
    posted.end(body);
  });
  console.log(`${host} answered ${status}`);
  if (status !== 202) process.exitCode = 1;
}
