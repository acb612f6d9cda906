// SPDX-License-Identifier: BSD-3-Clause
// nodemailer as a client: sends the file named in the JSON argument as it is.
const order = JSON.parse(process.argv[2]);
const transport = require("nodemailer").createTransport({
	host: order.host, port: order.port, secure: false, ignoreTLS: true,
	name: "client.example.test", auth: order.auth || undefined
});

transport.sendMail({
	envelope: { from: order.from, to: [order.to], use8BitMime: true },
	raw: require("fs").readFileSync(order.file)
}).then(
	() => process.exit(0),
	(error) => { console.log(error.message); process.exit(1); }
);
