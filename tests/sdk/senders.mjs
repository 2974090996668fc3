// senders.mjs: the providers' own SDKs, asked to sign and to verify.
//
//	node senders.mjs sign URL		one JSON array: requests they signed
//	node senders.mjs verify < requests	one JSON array: what they say of each
//
// It runs in a folder where the packages of package.json are installed.
import crypto from 'node:crypto';
import { createRequire } from 'node:module';

globalThis.crypto ??= crypto.webcrypto; // Node 18 has it here alone
const require = createRequire(import.meta.url);
const now = () => Math.floor(Date.now() / 1000);
const hmac = (key, content, enc) =>
    crypto.createHmac('sha256', key).update(content).digest(enc);
const TEXT = 'sdk-secret-0123456789abcdef';
const WHSEC = 'whsec_' + crypto.randomBytes(32).toString('base64');

const ed25519 = crypto.generateKeyPairSync('ed25519');
const p256 = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
const der = (pair) => pair.publicKey.export({ type: 'spki', format: 'der' });

function webhooks(pkg) {
	const { Webhook } = require(pkg);
	const prefix = pkg === 'svix' ? 'svix' : 'webhook';

	return {
		secret: WHSEC,
		body: { id: 'evt_1', type: 'a.b', name: 'caf\u00e9' },
		id: 'msg_1',
		sign: ({ secret, body }) => ({
			[`${prefix}-id`]: 'msg_1',
			[`${prefix}-timestamp`]: `${now()}`,
			[`${prefix}-signature`]:
			    new Webhook(secret).sign('msg_1', new Date(), body),
		}),
		verify: ({ secret, body, headers }) => {
			new Webhook(secret).verify(body, headers);
			return true;
		},
	};
}

// Each: its scheme's name where that is another, secret, body, and the event's
// id; own: its package signs, else we do by the provider's recipe, and what the
// SDK refuses is no request. public: what eyelet is given to verify with.
const senders = {
	'standardwebhooks': () => ({
		scheme: 'standard-webhooks', own: true,
		...webhooks('standardwebhooks') }),
	'svix': () => ({ own: true, ...webhooks('svix') }),
	'stripe': () => {
		const stripe = new (require('stripe'))('sk_test_x');

		return {
			own: true, secret: 'whsec_' + TEXT,
			body: { id: 'evt_1', object: 'event', type: 'a.b' },
			sign: ({ secret, body: payload }) => ({
				'Stripe-Signature': stripe.webhooks
				    .generateTestHeaderString({ payload, secret }),
			}),
			verify: ({ secret, body, headers }) =>
			    stripe.webhooks.constructEvent(
				body, headers['stripe-signature'], secret)
				.id === 'evt_1',
		};
	},
	'@octokit/webhooks': async () => {
		const { Webhooks } = await import('@octokit/webhooks');

		return {
			scheme: 'github', own: true, secret: TEXT, id: 'd-1',
			body: { action: 'opened', number: 1 },
			sign: async ({ secret, body }) => ({
				'X-Hub-Signature-256':
				    await new Webhooks({ secret }).sign(body),
				'X-GitHub-Delivery': 'd-1',
				'X-GitHub-Event': 'issues',
			}),
			verify: ({ secret, body, headers }) =>
			    new Webhooks({ secret }).verify(
				body, headers['x-hub-signature-256']),
		};
	},
	'twilio': () => {
		const twilio = require('twilio');
		const params = (body) =>
		    Object.fromEntries(new URLSearchParams(body));

		return {
			own: true, secret: TEXT, url: true, id: 'tw-1',
			type: 'application/x-www-form-urlencoded',
			body: 'From=%2B15551234&Body=caf%C3%A9+%26+more&To=',
			sign: ({ secret, body, url }) => ({
				'I-Twilio-Idempotency-Token': 'tw-1',
				'X-Twilio-Signature':
				    twilio.getExpectedTwilioSignature(
					secret, url, params(body)),
			}),
			verify: ({ secret, body, url, headers }) =>
			    twilio.validateRequest(secret,
				headers['x-twilio-signature'], url, params(body)),
		};
	},
	'twilio, JSON': () => {
		const twilio = require('twilio');
		const query = (body) => 'bodySHA256=' +
		    crypto.createHash('sha256').update(body).digest('hex');

		return {
			scheme: 'twilio-body', own: true, secret: TEXT,
			url: true, id: 'tw-2', query,
			body: { CallSid: 'CA1', Type: 'a' },
			sign: ({ secret, body, url }) => ({
				'I-Twilio-Idempotency-Token': 'tw-2',
				'X-Twilio-Signature':
				    twilio.getExpectedTwilioSignature(
					secret, `${url}?${query(body)}`, {}),
			}),
			verify: ({ secret, body, url, headers }) =>
			    twilio.validateRequestWithBody(secret,
				headers['x-twilio-signature'], url, body),
		};
	},
	'@slack/bolt': () => {
		const { verifySlackRequest } = require('@slack/bolt');

		return {
			scheme: 'slack', secret: TEXT, id: 'Ev1',
			body: { type: 'event_callback', event_id: 'Ev1',
				event: { type: 'message' } },
			sign: ({ secret, body }) => {
				const at = now();

				return {
					'X-Slack-Request-Timestamp': `${at}`,
					'X-Slack-Signature': 'v0=' + hmac(secret,
					    `v0:${at}:${body}`, 'hex'),
				};
			},
			verify: ({ secret: signingSecret, body, headers }) => {
				verifySlackRequest(
				    { signingSecret, body, headers: {
					...headers,
					'x-slack-request-timestamp': Number(
					    headers['x-slack-request-timestamp']),
				} });
				return true;
			},
		};
	},
	'@paddle/paddle-node-sdk': () => {
		const { Paddle } = require('@paddle/paddle-node-sdk');
		const { webhooks: wh } = new Paddle('x');

		return {
			scheme: 'paddle', secret: 'pdl_ntfset_' + TEXT,
			body: { event_id: 'evt_1', event_type: 'a.b' },
			sign: ({ secret, body }) => {
				const at = now();

				return { 'Paddle-Signature': `ts=${at};h1=` +
				    hmac(secret, `${at}:${body}`, 'hex') };
			},
			verify: ({ secret, body, headers }) =>
			    wh.isSignatureValid(
				body, secret, headers['paddle-signature']),
		};
	},
	'square': () => {
		const { WebhooksHelper } = require('square');

		return {
			secret: TEXT, url: true,
			body: { event_id: 'evt_1', type: 'payment.created' },
			sign: ({ secret, body, url }) => ({
				'x-square-hmacsha256-signature':
				    hmac(secret, url + body, 'base64'),
			}),
			verify: ({ secret, body, url, headers }) =>
			    WebhooksHelper.isValidWebhookEventSignature(body,
				headers['x-square-hmacsha256-signature'],
				secret, url),
		};
	},
	'@line/bot-sdk': () => {
		const { validateSignature } = require('@line/bot-sdk');

		return {
			scheme: 'line', secret: TEXT, id: 'LN1',
			body: { destination: 'x', events: [
				{ type: 'message', webhookEventId: 'LN1' } ] },
			sign: ({ secret, body }) => ({
				'x-line-signature': hmac(secret, body, 'base64') }),
			verify: ({ secret, body, headers }) => validateSignature(
			    body, secret, headers['x-line-signature']),
		};
	},
	'@workos-inc/node': () => {
		const { WorkOS } = require('@workos-inc/node');
		const { webhooks: wh } = new WorkOS('sk_test_x');

		return {
			scheme: 'workos', own: true, secret: TEXT,
			body: { id: 'evt_1', event: 'user.created' },
			sign: async ({ secret, body }) => {
				const at = Date.now();

				return { 'WorkOS-Signature': `t=${at}, v1=` +
				    await wh.computeSignature(
					at, JSON.parse(body), secret) };
			},
			verify: ({ secret, body, headers }) => wh.verifyHeader({
				payload: JSON.parse(body), secret,
				sigHeader: headers['workos-signature'] }),
		};
	},
	'@shopify/shopify-api': () => {
		require('@shopify/shopify-api/adapters/node');
		const { shopifyApi, ApiVersion, LogSeverity } =
		    require('@shopify/shopify-api');
		const version = Object.values(ApiVersion).pop();

		return {
			scheme: 'shopify', secret: TEXT, id: 'wh-1',
			body: { id: 820982911946154508, email: 'a@b.c' },
			sign: ({ secret, body }) => ({
				'X-Shopify-Topic': 'orders/create',
				'X-Shopify-Webhook-Id': 'wh-1',
				'X-Shopify-API-Version': version,
				'X-Shopify-Shop-Domain': 'a.myshopify.com',
				'X-Shopify-Hmac-Sha256':
				    hmac(secret, body, 'base64'),
			}),
			verify: async ({ secret, body, headers }) =>
			    (await shopifyApi({
				apiKey: 'x', apiSecretKey: secret,
				apiVersion: version, hostName: 'x',
				isEmbeddedApp: false,
				logger: { level: LogSeverity.Error },
			    }).webhooks.validate({ rawBody: body,
				rawResponse: {},
				rawRequest: { method: 'POST', url: '/', headers: {
				    'x-shopify-topic': 'orders/create',
				    'x-shopify-webhook-id': 'wh-1',
				    'x-shopify-api-version': version,
				    'x-shopify-shop-domain': 'a.myshopify.com',
				    ...headers } } })).valid,
		};
	},
	'@sanity/webhook': () => {
		const sanity = require('@sanity/webhook');

		return {
			scheme: 'sanity', own: true, secret: TEXT, id: 'key-1',
			body: { _id: 'a', _type: 'post' },
			sign: async ({ secret, body }) => ({
				'idempotency-key': 'key-1',
				[sanity.SIGNATURE_HEADER_NAME]:
				    await sanity.encodeSignatureHeader(
					body, Date.now(), secret),
			}),
			verify: ({ secret, body, headers }) =>
			    sanity.isValidSignature(body,
				headers[sanity.SIGNATURE_HEADER_NAME], secret),
		};
	},
	'razorpay': () => {
		const { validateWebhookSignature } = require('razorpay');

		return {
			secret: TEXT, id: 'rz-1', body: { event: 'payment.paid' },
			sign: ({ secret, body }) => ({
				'x-razorpay-event-id': 'rz-1',
				'X-Razorpay-Signature': hmac(secret, body, 'hex') }),
			verify: ({ secret, body, headers }) =>
			    validateWebhookSignature(
				body, headers['x-razorpay-signature'], secret),
		};
	},
	'coinbase-commerce-node': () => {
		const { Webhook } = require('coinbase-commerce-node');

		return {
			scheme: 'coinbase-commerce', own: true, secret: TEXT,
			body: { id: 1, event: { id: 'evt_1', type: 'a:b' } },
			sign: ({ secret, body }) => ({ 'X-CC-Webhook-Signature':
			    Webhook.computeSignature(body, secret) }),
			verify: ({ secret, body, headers }) =>
			    Webhook.verifySigHeader(
				body, headers['x-cc-webhook-signature'], secret),
		};
	},
	'@mux/mux-node': () => {
		const Mux = require('@mux/mux-node').default;
		const mux = new Mux({ tokenId: 'x', tokenSecret: 'x' });

		return {
			scheme: 'mux', secret: TEXT,
			body: { id: 'evt_1', type: 'video.asset.ready' },
			sign: ({ secret, body }) => {
				const at = now();

				return { 'Mux-Signature': `t=${at},v1=` +
				    hmac(secret, `${at}.${body}`, 'hex') };
			},
			verify: ({ secret, body, headers }) => {
				mux.webhooks.verifySignature(
				    body, headers, secret);
				return true;
			},
		};
	},
	'@linear/sdk': () => {
		const { LinearWebhookClient } = require('@linear/sdk/webhooks');

		return {
			scheme: 'linear', secret: TEXT, id: 'ln-1',
			body: { action: 'create', type: 'Issue',
				webhookTimestamp: Date.now() },
			sign: ({ secret, body }) => ({
				'Linear-Delivery': 'ln-1',
				'Linear-Signature': hmac(secret, body, 'hex') }),
			verify: ({ secret, body, headers }) =>
			    new LinearWebhookClient(secret).verify(
				Buffer.from(body), headers['linear-signature'],
				JSON.parse(body).webhookTimestamp),
		};
	},
	'discord-interactions': () => {
		const { verifyKey } = require('discord-interactions');
		const key = der(ed25519).subarray(-32).toString('hex');

		return {
			scheme: 'discord', secret: key, public: true, id: '1',
			body: { id: '1', type: 2 },
			sign: ({ body }) => {
				const at = `${now()}`;

				return {
					'X-Signature-Timestamp': at,
					'X-Signature-Ed25519': crypto.sign(null,
					    Buffer.from(at + body),
					    ed25519.privateKey).toString('hex'),
				};
			},
			verify: ({ secret, body, headers }) => verifyKey(body,
			    headers['x-signature-ed25519'],
			    headers['x-signature-timestamp'], secret),
		};
	},
	'@sendgrid/eventwebhook': () => {
		const { EventWebhook } = require('@sendgrid/eventwebhook');
		const name = 'X-Twilio-Email-Event-Webhook-';

		return {
			scheme: 'sendgrid', public: true, id: 'sg-1',
			secret: der(p256).toString('base64'),
			body: '[{"sg_event_id":"sg-1","event":"open"}]\r\n',
			sign: ({ body }) => {
				const at = `${now()}`;

				return {
					[`${name}Timestamp`]: at,
					[`${name}Signature`]: crypto.sign('sha256',
					    Buffer.from(at + body),
					    p256.privateKey).toString('base64'),
				};
			},
			verify: ({ secret, body, headers }) => {
				const ew = new EventWebhook();

				return ew.verifySignature(
				    ew.convertPublicKeyToECDSA(secret), body,
				    headers[`${name}Signature`.toLowerCase()],
				    headers[`${name}Timestamp`.toLowerCase()]);
			},
		};
	},
};

const lower = (headers) => Object.fromEntries(Object.entries(headers).map(
    ([name, value]) => [name.toLowerCase(), value]));

async function signed(name, base) {
	const s = await senders[name]();
	const body = typeof s.body === 'string' ? s.body : JSON.stringify(s.body);
	const url = s.url ? base : null;
	const headers = await s.sign({ secret: s.secret, body, url });
	const query = s.query ? s.query(body) : '';
	const said = await judged(
	    { name, secret: s.secret, url, query, body, headers }, s);

	return {
		name, scheme: s.scheme ?? name, secret: s.secret, url, body,
		headers: { 'Content-Type': s.type ?? 'application/json', ...headers },
		query, id: s.id ?? 'evt_1', own: !!s.own, public: !!s.public,
		ok: said.ok, why: said.why,
	};
}

// s: keys that are made anew for each process must be those of the signing.
async function judged({ name, secret, url, query, body, headers }, s) {
	try {
		s ??= await senders[name]();
		const ok = await s.verify({ secret, body, headers: lower(headers),
			url: query ? `${url}?${query}` : url });

		return { name, ok: ok === true || ok?.id !== undefined };
	} catch (e) {
		return { name, ok: false, why: `${e.message}`.slice(0, 200) };
	}
}

async function input() {
	const pieces = [];

	for await (const piece of process.stdin)
		pieces.push(piece);
	return JSON.parse(Buffer.concat(pieces).toString());
}

const out = [];
if (process.argv[2] === 'sign')
	for (const name of Object.keys(senders))
		out.push(await signed(name, process.argv[3]));
else
	for (const request of await input())
		out.push(await judged(request));
process.stdout.write(JSON.stringify(out));
