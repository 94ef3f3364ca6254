// Posts one event to the address in SINK, as any program may that can make HTTP requests.
const response = await fetch(process.env.SINK, {
  method: "POST",
  headers: {
    "ce-specversion": "1.0",
    "ce-id": String(Date.now()),
    "ce-source": "/samples/shop",
    "ce-type": "dev.kelvin.order",
    "content-type": "application/json",
  },
  body: JSON.stringify({ item: "skates", count: 2 }),
});
console.log(`${process.env.SINK} answered ${response.status}`);
process.exitCode = response.status === 202 ? 0 : 1;
