/* URLs as people and attackers spell them. What a spelling is, is
 * inet_aton(3)'s, RFC 3986's and the WHATWG's word; what is blocked, that of
 * the registries (outbound/guard.h). */
#include "lib/outbound/url.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/model/destination.h"

#define ROOM (4 * OUTBOUND_URL_MAX)
#define HTTP true

static const struct {
	const char *when, *url, *allow;
	bool http;
	const char *want; /* NULL: refused, and the words have says in them */
	const char *says;
} rows[] = {
	{ "plain", "https://example.com/hooks", "", false,
	    "https://example.com/hooks", NULL },
	{ "no path", "https://example.com", "", false, "https://example.com/",
	    NULL },
	{ "a query, no path", "https://example.com?a=b", "", false,
	    "https://example.com/?a=b", NULL },
	{ "path and query", "https://example.com/a/b?c=d&e=%20f", "", false,
	    "https://example.com/a/b?c=d&e=%20f", NULL },
	{ "case of scheme and host", "HTTPS://Example.COM/Hooks?A=B", "", false,
	    "https://example.com/Hooks?A=B", NULL },
	{ "a port", "https://example.com:8443/x", "", false,
	    "https://example.com:8443/x", NULL },
	{ "default port", "https://example.com:443/x", "", false,
	    "https://example.com/x", NULL },
	{ "default port of http", "http://example.com:80/", "", HTTP,
	    "http://example.com/", NULL },
	{ "the other's default port", "http://example.com:443/", "", HTTP,
	    "http://example.com:443/", NULL },
	{ "zeros before a port", "https://example.com:0443/", "", false,
	    "https://example.com/", NULL },
	{ "an empty port", "https://example.com:/", "", false,
	    "https://example.com/", NULL },
	{ "the highest port", "https://example.com:65535/", "", false,
	    "https://example.com:65535/", NULL },
	{ "dot behind the host", "https://example.com./x", "", false,
	    "https://example.com/x", NULL },
	{ "dot segments", "https://example.com/a/../b/./c", "", false,
	    "https://example.com/a/../b/./c", NULL },
	{ "brackets in a query", "https://example.com/?a[]=1", "", false,
	    "https://example.com/?a[]=1", NULL },
	{ "at sign in the path", "https://example.com/@me", "", false,
	    "https://example.com/@me", NULL },
	{ "at sign in the query", "https://example.com?me@example.com", "",
	    false, "https://example.com/?me@example.com", NULL },
	{ "colon in the path", "https://example.com/a:b", "", false,
	    "https://example.com/a:b", NULL },
	{ "underscore in the host", "https://my_host.example.com/", "", false,
	    "https://my_host.example.com/", NULL },
	{ "a host of one label", "https://hooks/x", "", false,
	    "https://hooks/x", NULL },
	{ "an international host, as DNS has it",
	    "https://xn--bcher-kva.example/", "", false,
	    "https://xn--bcher-kva.example/", NULL },
	{ "digits in a label", "https://127.0.0.1.example.com/", "", false,
	    "https://127.0.0.1.example.com/", NULL },
	{ "hex in a label", "https://0x7f.example/", "", false,
	    "https://0x7f.example/", NULL },
	{ "a name like an address", "https://a127.0.0.a1/", "", false,
	    "https://a127.0.0.a1/", NULL },
	{ "localhost within", "https://localhost.example.com/", "", false,
	    "https://localhost.example.com/", NULL },
	{ "local within", "https://local.example.com/", "", false,
	    "https://local.example.com/", NULL },
	{ "longest label",
	    "https://"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	    "com/",
	    "", false,
	    "https://"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	    "com/",
	    NULL },
	{ "an address of the world", "https://8.8.8.8/", "", false,
	    "https://8.8.8.8/", NULL },
	{ "in decimal", "https://134744072/", "", false, "https://8.8.8.8/",
	    NULL },
	{ "in hex", "https://0x08080808/", "", false, "https://8.8.8.8/",
	    NULL },
	{ "in octal", "https://010.010.010.010/", "", false, "https://8.8.8.8/",
	    NULL },
	{ "short", "https://8.8.2056/", "", false, "https://8.8.8.8/", NULL },
	{ "dot behind an address", "https://8.8.8.8./", "", false,
	    "https://8.8.8.8/", NULL },
	{ "IPv6 of the world", "https://[2606:4700::1111]/", "", false,
	    "https://[2606:4700::1111]/", NULL },
	{ "IPv6, long", "https://[2606:4700:0:0:0:0:0:1111]:8443/", "", false,
	    "https://[2606:4700::1111]:8443/", NULL },
	{ "IPv6, capital letters", "https://[2606:4700::ABCD]/", "", false,
	    "https://[2606:4700::abcd]/", NULL },
	{ "mapped, of the world", "https://[::ffff:8.8.8.8]/", "", false,
	    "https://[::ffff:8.8.8.8]/", NULL },
	{ "NAT64 of the world", "https://[64:ff9b::8.8.8.8]/", "", false,
	    "https://[64:ff9b::808:808]/", NULL },
	{ "http, allowed", "http://example.com/x", "", HTTP,
	    "http://example.com/x", NULL },
	{ "loopback, allowed", "http://127.0.0.1:8080/", "127.0.0.0/8", HTTP,
	    "http://127.0.0.1:8080/", NULL },
	{ "loopback in hex, allowed", "https://0x7f.1/", "127.0.0.0/8", false,
	    "https://127.0.0.1/", NULL },
	{ "private, allowed", "https://10.1.2.3/", "10.0.0.0/8", false,
	    "https://10.1.2.3/", NULL },
	{ "private, another allowed", "https://10.1.2.3/", "192.168.0.0/16",
	    false, NULL, "10.1.2.3" },
	{ "localhost, allowed", "https://localhost/", "127.0.0.1", false,
	    "https://localhost/", NULL },
	{ "localhost, allowed by IPv6", "https://LOCALHOST./", "::1", false,
	    "https://localhost/", NULL },
	{ "localhost, another allowed", "https://localhost/", "10.0.0.0/8",
	    false, NULL, "127.0.0.1,::1" },
	{ "a private name, something allowed", "https://db.internal/",
	    "10.0.0.0/8", false, "https://db.internal/", NULL },
	{ "IPv6 loopback, allowed", "https://[::1]/", "::1", false,
	    "https://[::1]/", NULL },
	{ "mapped loopback, allowed", "https://[::ffff:127.0.0.1]/",
	    "127.0.0.0/8", false, "https://[::ffff:127.0.0.1]/", NULL },
	{ "nothing", "", "", false, NULL, "is empty" },
	{ "no scheme", "example.com/x", "", false, NULL,
	    "must begin with https://" },
	{ "no scheme, a port", "example.com:443/x", "", false, NULL,
	    "must begin with https://" },
	{ "scheme relative", "//example.com/x", "", false, NULL,
	    "must begin with https://" },
	{ "one slash", "https:/example.com", "", false, NULL,
	    "must begin with https://" },
	{ "no slash", "https:example.com", "", false, NULL,
	    "must begin with https://" },
	{ "three slashes", "https:///example.com", "", false, NULL,
	    "has no host" },
	{ "http", "http://example.com/", "", false, NULL, "--allow-http" },
	{ "file", "file:///etc/passwd", "", HTTP, NULL,
	    "must begin with https://" },
	{ "ftp", "ftp://example.com/", "", HTTP, NULL,
	    "must begin with https://" },
	{ "gopher", "gopher://127.0.0.1:6379/_x", "", HTTP, NULL,
	    "must begin with https://" },
	{ "javascript", "javascript:alert(1)", "", HTTP, NULL,
	    "must begin with https://" },
	{ "unix", "unix:///run/x.sock", "", HTTP, NULL,
	    "must begin with https://" },
	{ "httpx", "httpx://example.com/", "", HTTP, NULL,
	    "must begin with https://" },
	{ "https, and more", "https+unix://example.com/", "", false, NULL,
	    "must begin with https://" },
	{ "blank before", " https://example.com/", "", false, NULL, "%20" },
	{ "blank behind", "https://example.com/ ", "", false, NULL, "%20" },
	{ "blank in the host", "https://exa mple.com/", "", false, NULL,
	    "%20" },
	{ "tab", "https://example.com/\ta", "", false, NULL, "%09" },
	{ "line end", "https://example.com/\n", "", false, NULL, "%0A" },
	{ "header in it", "https://example.com/\r\nHost: x", "", false, NULL,
	    "%0D" },
	{ "delete", "https://example.com/\x7f", "", false, NULL, "%7F" },
	{ "escape", "https://example.com/\x1b[2J", "", false, NULL, "%1B" },
	{ "backslash for slash", "https:\\\\127.0.0.1/", "", false, NULL,
	    "%5C" },
	{ "backslash in the authority", "https://example.com\\@127.0.0.1/", "",
	    false, NULL, "%5C" },
	{ "quote", "https://example.com/\"", "", false, NULL, "%22" },
	{ "angle brackets", "https://example.com/<x>", "", false, NULL, "%3C" },
	{ "braces", "https://example.com/{id}", "", false, NULL, "%7B" },
	{ "a user", "https://user@example.com/", "", false, NULL,
	    "--auth-file" },
	{ "user and password", "https://user:pw@example.com/", "", false, NULL,
	    "--auth-file" },
	{ "an empty user", "https://@example.com/", "", false, NULL,
	    "--auth-file" },
	{ "a host as a user", "https://example.com@127.0.0.1/", "", false, NULL,
	    "--auth-file" },
	{ "a host and port as a user", "https://example.com:443@127.0.0.1/", "",
	    false, NULL, "--auth-file" },
	{ "user in capital hex", "https://a%40b@127.0.0.1/", "", false, NULL,
	    "--auth-file" },
	{ "a fragment", "https://example.com/#x", "", false, NULL, "fragment" },
	{ "an empty fragment", "https://example.com/#", "", false, NULL,
	    "fragment" },
	{ "a fragment before a user", "https://127.0.0.1#@example.com/", "",
	    false, NULL, "fragment" },
	{ "no host", "https://", "", false, NULL, "has no host" },
	{ "no host, a port", "https://:443/", "", false, NULL, "has no host" },
	{ "no host, a query", "https://?a", "", false, NULL, "has no host" },
	{ "port 0", "https://example.com:0/", "", false, NULL, "port" },
	{ "port too high", "https://example.com:65536/", "", false, NULL,
	    "port" },
	{ "port far too high", "https://example.com:99999999999999999999/", "",
	    false, NULL, "port" },
	{ "port with a sign", "https://example.com:+443/", "", false, NULL,
	    "port" },
	{ "port below", "https://example.com:-1/", "", false, NULL, "port" },
	{ "port in hex", "https://example.com:0x1bb/", "", false, NULL,
	    "port" },
	{ "port of letters", "https://example.com:https/", "", false, NULL,
	    "port" },
	{ "two ports", "https://example.com:80:443/", "", false, NULL,
	    "colons" },
	{ "IPv6 without brackets", "https://2606:4700::1111/", "", false, NULL,
	    "colons" },
	{ "only a dot", "https://./", "", false, NULL, "" },
	{ "two dots", "https://example..com/", "", false, NULL,
	    "between two dots" },
	{ "dot before", "https://.example.com/", "", false, NULL,
	    "between two dots" },
	{ "two dots behind", "https://example.com../", "", false, NULL,
	    "two dots at its end" },
	{ "percent in the host", "https://ex%61mple.com/", "", false, NULL,
	    "\"%\"" },
	{ "an address, percent-encoded", "https://%31%32%37.0.0.1/", "", false,
	    NULL, "\"%\"" },
	{ "a dot, percent-encoded", "https://127%2e0%2e0%2e1/", "", false, NULL,
	    "\"%\"" },
	{ "star", "https://*.example.com/", "", false, NULL, "\"*\"" },
	{ "comma", "https://a,b.example.com/", "", false, NULL, "\",\"" },
	{ "label too long",
	    "https://"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	    "com/",
	    "", false, NULL, "label" },
	{ "letters beyond ASCII in the host",
	    "https://b\xc3\xbc"
	    "cher.example/",
	    "", false, NULL, "xn--" },
	{ "fullwidth digits",
	    "https://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/", "", false,
	    NULL, "xn--" },
	{ "circled digits",
	    "https://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1/", "", false,
	    NULL, "xn--" },
	{ "ideographic full stop",
	    "https://127\xe3\x80\x82"
	    "0.0.1/",
	    "", false, NULL, "xn--" },
	{ "soft hyphen", "https://local\xc2\xadhost/", "", false, NULL,
	    "xn--" },
	{ "not UTF-8", "https://\xff/", "", false, NULL, "xn--" },
	{ "letters beyond ASCII in the path", "https://example.com/\xc3\xbc",
	    "", false, NULL, "%XX" },
	{ "name: localhost", "https://localhost/", "", false, NULL,
	    "--allow-net" },
	{ "name: LocalHost", "https://LocalHost/", "", false, NULL,
	    "--allow-net" },
	{ "name: localhost.", "https://localhost./", "", false, NULL,
	    "--allow-net" },
	{ "name: a.localhost", "https://a.localhost/", "", false, NULL,
	    "--allow-net" },
	{ "name: a.b.LOCALHOST.", "https://a.b.LOCALHOST./", "", false, NULL,
	    "--allow-net" },
	{ "name: printer.local", "https://printer.local/", "", false, NULL,
	    "--allow-net" },
	{ "name: db.internal", "https://db.internal/", "", false, NULL,
	    "--allow-net" },
	{ "name: metadata.google.internal", "https://metadata.google.internal/",
	    "", false, NULL, "--allow-net" },
	{ "name: metadata.google.internal.",
	    "https://metadata.google.internal./", "", false, NULL,
	    "--allow-net" },
	{ "name: INTERNAL", "https://INTERNAL/", "", false, NULL,
	    "--allow-net" },
	{ "name: local", "https://local/", "", false, NULL, "--allow-net" },
	{ "loopback", "https://127.0.0.1/", "", false, NULL, "reserved block" },
	{ "loopback, dot behind", "https://127.0.0.1./", "", false, NULL,
	    "reserved block" },
	{ "loopback, another", "https://127.8.9.10/", "", false, NULL,
	    "reserved block" },
	{ "loopback, decimal", "https://2130706433/", "", false, NULL,
	    "reserved block" },
	{ "loopback, hex", "https://0x7f000001/", "", false, NULL,
	    "reserved block" },
	{ "loopback, HEX", "https://0X7F000001/", "", false, NULL,
	    "reserved block" },
	{ "loopback, octal", "https://017700000001/", "", false, NULL,
	    "reserved block" },
	{ "loopback, octal with zeros", "https://0000017700000001/", "", false,
	    NULL, "reserved block" },
	{ "loopback, two parts", "https://127.1/", "", false, NULL,
	    "reserved block" },
	{ "loopback, three parts", "https://127.0.1/", "", false, NULL,
	    "reserved block" },
	{ "loopback, hex parts", "https://0x7f.0x0.0x0.0x1/", "", false, NULL,
	    "reserved block" },
	{ "loopback, octal parts", "https://0177.0.0.01/", "", false, NULL,
	    "reserved block" },
	{ "loopback, many zeros", "https://0177.0000.00000.000001/", "", false,
	    NULL, "reserved block" },
	{ "loopback, mixed parts", "https://0x7f.0.1/", "", false, NULL,
	    "reserved block" },
	{ "loopback, mixed parts again", "https://0177.0x1/", "", false, NULL,
	    "reserved block" },
	{ "nobody", "https://0.0.0.0/", "", false, NULL, "reserved block" },
	{ "zero", "https://0/", "", false, NULL, "reserved block" },
	{ "hex zero", "https://0x0/", "", false, NULL, "reserved block" },
	{ "octal zero", "https://00/", "", false, NULL, "reserved block" },
	{ "0/8", "https://0.1.2.3/", "", false, NULL, "reserved block" },
	{ "private 10", "https://10.0.0.1/", "", false, NULL,
	    "reserved block" },
	{ "private 10, decimal", "https://167772161/", "", false, NULL,
	    "reserved block" },
	{ "private 172", "https://172.16.0.1/", "", false, NULL,
	    "reserved block" },
	{ "private 172, hex", "https://0xac100001/", "", false, NULL,
	    "reserved block" },
	{ "private 192", "https://192.168.0.1/", "", false, NULL,
	    "reserved block" },
	{ "private 192, short", "https://192.168.257/", "", false, NULL,
	    "reserved block" },
	{ "metadata", "https://169.254.169.254/", "", false, NULL,
	    "reserved block" },
	{ "metadata, decimal", "https://2852039166/", "", false, NULL,
	    "reserved block" },
	{ "metadata, hex", "https://0xa9fea9fe/", "", false, NULL,
	    "reserved block" },
	{ "metadata, octal", "https://0251.0376.0251.0376/", "", false, NULL,
	    "reserved block" },
	{ "metadata, mixed", "https://169.254.43518/", "", false, NULL,
	    "reserved block" },
	{ "metadata, hex parts", "https://0xa9.0xfe.0xa9.0xfe/", "", false,
	    NULL, "reserved block" },
	{ "CGNAT", "https://100.64.0.1/", "", false, NULL, "reserved block" },
	{ "a site's metadata", "https://100.100.100.200/", "", false, NULL,
	    "reserved block" },
	{ "a site's host", "https://168.63.129.16/", "", false, NULL,
	    "reserved block" },
	{ "protocol assignments", "https://192.0.0.192/", "", false, NULL,
	    "reserved block" },
	{ "documentation", "https://192.0.2.1/", "", false, NULL,
	    "reserved block" },
	{ "benchmarks", "https://198.18.0.1/", "", false, NULL,
	    "reserved block" },
	{ "documentation 2", "https://198.51.100.1/", "", false, NULL,
	    "reserved block" },
	{ "documentation 3", "https://203.0.113.1/", "", false, NULL,
	    "reserved block" },
	{ "multicast", "https://224.0.0.1/", "", false, NULL,
	    "reserved block" },
	{ "reserved", "https://240.0.0.1/", "", false, NULL, "reserved block" },
	{ "broadcast", "https://255.255.255.255/", "", false, NULL,
	    "reserved block" },
	{ "broadcast, decimal", "https://4294967295/", "", false, NULL,
	    "reserved block" },
	{ "broadcast, hex", "https://0xffffffff/", "", false, NULL,
	    "reserved block" },
	{ "IPv6 loopback", "https://[::1]/", "", false, NULL,
	    "reserved block" },
	{ "IPv6 loopback, long", "https://[0:0:0:0:0:0:0:1]/", "", false, NULL,
	    "reserved block" },
	{ "IPv6 loopback, zeros", "https://[0000::0001]/", "", false, NULL,
	    "reserved block" },
	{ "IPv6 nobody", "https://[::]/", "", false, NULL, "reserved block" },
	{ "mapped loopback", "https://[::ffff:127.0.0.1]/", "", false, NULL,
	    "reserved block" },
	{ "mapped, in hex", "https://[::ffff:7f00:1]/", "", false, NULL,
	    "reserved block" },
	{ "mapped, long", "https://[0:0:0:0:0:ffff:7f00:0001]/", "", false,
	    NULL, "reserved block" },
	{ "mapped metadata", "https://[::FFFF:A9FE:A9FE]/", "", false, NULL,
	    "reserved block" },
	{ "compatible loopback", "https://[::127.0.0.1]/", "", false, NULL,
	    "reserved block" },
	{ "translated", "https://[::ffff:0:127.0.0.1]/", "", false, NULL,
	    "reserved block" },
	{ "NAT64 of loopback", "https://[64:ff9b::127.0.0.1]/", "", false, NULL,
	    "reserved block" },
	{ "NAT64 of metadata", "https://[64:ff9b::a9fe:a9fe]/", "", false, NULL,
	    "reserved block" },
	{ "a site's NAT64", "https://[64:ff9b:1::a00:1]/", "", false, NULL,
	    "reserved block" },
	{ "6to4 of loopback", "https://[2002:7f00:1::]/", "", false, NULL,
	    "reserved block" },
	{ "6to4 of private", "https://[2002:c0a8:1::1]/", "", false, NULL,
	    "reserved block" },
	{ "Teredo", "https://[2001:0:7f00:1::]/", "", false, NULL,
	    "reserved block" },
	{ "documentation v6", "https://[2001:db8::1]/", "", false, NULL,
	    "reserved block" },
	{ "ULA", "https://[fd00::1]/", "", false, NULL, "reserved block" },
	{ "ULA metadata", "https://[fd00:ec2::254]/", "", false, NULL,
	    "reserved block" },
	{ "link-local", "https://[fe80::1]/", "", false, NULL,
	    "reserved block" },
	{ "site-local", "https://[fec0::1]/", "", false, NULL,
	    "reserved block" },
	{ "multicast v6", "https://[ff02::1]/", "", false, NULL,
	    "reserved block" },
	{ "scope", "https://[fe80::1%25eth0]/", "", false, NULL, "scope" },
	{ "scope, raw", "https://[fe80::1%eth0]/", "", false, NULL, "scope" },
	{ "scope, number", "https://[fe80::1%251]/", "", false, NULL, "scope" },
	{ "scope on the world", "https://[2606:4700::1111%25lo]/", "", false,
	    NULL, "scope" },
	{ "brackets with IPv4", "https://[127.0.0.1]/", "", false, NULL,
	    "no IPv6 address" },
	{ "brackets with a name", "https://[localhost]/", "", false, NULL,
	    "no IPv6 address" },
	{ "future address", "https://[v1.fe80::a]/", "", false, NULL,
	    "no IPv6 address" },
	{ "nothing in brackets", "https://[]/", "", false, NULL, "" },
	{ "too many groups", "https://[1:2:3:4:5:6:7:8:9]/", "", false, NULL,
	    "no IPv6 address" },
	{ "two gaps", "https://[1::2::3]/", "", false, NULL,
	    "no IPv6 address" },
	{ "mapped, octal", "https://[::ffff:0177.0.0.1]/", "", false, NULL,
	    "no IPv6 address" },
	{ "bracket left open", "https://[::1/", "", false, NULL, "\"]\"" },
	{ "letters behind a bracket", "https://[::1]x/", "", false, NULL,
	    "between" },
	{ "a host behind a bracket", "https://[::1].example.com/", "", false,
	    NULL, "between" },
	{ "part too large", "https://256.0.0.1/", "", false, NULL,
	    "no IPv4 address" },
	{ "last part too large", "https://127.0.0.256/", "", false, NULL,
	    "no IPv4 address" },
	{ "five parts", "https://127.0.0.0.1/", "", false, NULL,
	    "no IPv4 address" },
	{ "number too large", "https://4294967296/", "", false, NULL,
	    "no IPv4 address" },
	{ "hex too large", "https://0x100000000/", "", false, NULL,
	    "no IPv4 address" },
	{ "octal digits that are none", "https://0189.0.0.1/", "", false, NULL,
	    "no IPv4 address" },
	{ "octal in the last part", "https://127.0.0.09/", "", false, NULL,
	    "no IPv4 address" },
	{ "a letter in a part", "https://12x.0.0.1/", "", false, NULL,
	    "no IPv4 address" },
	{ "name before a number", "https://example.1/", "", false, NULL,
	    "no IPv4 address" },
	{ "middle part too large", "https://127.65536.1/", "", false, NULL,
	    "no IPv4 address" },
	{ "empty part", "https://127..0.1/", "", false, NULL, "" },
};

START_TEST(url_is_judged)
{
	struct address_list *allow = NULL;
	struct buf out = BUF_INIT(ROOM);
	struct err err = ERR_INIT;
	int got;

	if (rows[_i].allow[0] != '\0')
		ck_assert_int_eq(
		    address_list_parse(span_str(rows[_i].allow), &allow, &err),
		    0);
	got = outbound_url_check(
	    span_str(rows[_i].url), allow, rows[_i].http, &out, &err);
	if (rows[_i].want != NULL) {
		ck_assert_msg(got == 0, "%s: %s", rows[_i].when, err.text);
		ck_assert_msg(span_is(buf_span(&out), rows[_i].want),
		    "%s: %.*s", rows[_i].when, (int)out.len, out.ptr);
	} else {
		ck_assert_msg(got == -1, "%s: taken as %.*s", rows[_i].when,
		    (int)out.len, out.ptr);
		ck_assert_msg(err.code == ERR_INPUT, "%s", rows[_i].when);
		ck_assert_msg(strstr(err.text, rows[_i].says) != NULL, "%s: %s",
		    rows[_i].when, err.text);
		ck_assert_msg(out.len == 0, "%s", rows[_i].when);
	}
	address_list_free(allow);
	buf_free(&out);
}
END_TEST

/* What came out is what comes out again. */
START_TEST(normal_form_stays)
{
	struct address_list *all = NULL;
	struct buf out = BUF_INIT(ROOM);
	struct err err = ERR_INIT;

	if (rows[_i].want == NULL)
		return;
	ck_assert_int_eq(
	    address_list_parse(span_str("0.0.0.0/0 ::/0"), &all, &err), 0);
	ck_assert_int_eq(
	    outbound_url_check(span_str(rows[_i].want), all, true, &out, &err),
	    0);
	ck_assert_msg(
	    span_is(buf_span(&out), rows[_i].want), "%s", rows[_i].when);
	address_list_free(all);
	buf_free(&out);
}
END_TEST

START_TEST(length_has_a_limit)
{
	struct buf url = BUF_INIT(ROOM), out = BUF_INIT(ROOM);
	struct err err = ERR_INIT;

	ck_assert_int_eq(buf_puts(&url, "https://example.com/", &err), 0);
	while (url.len < OUTBOUND_URL_MAX)
		ck_assert_int_eq(buf_putc(&url, 'a', &err), 0);
	ck_assert_int_eq(
	    outbound_url_check(buf_span(&url), NULL, false, &out, &err), 0);
	ck_assert_int_eq(buf_putc(&url, 'a', &err), 0);
	ck_assert_int_eq(
	    outbound_url_check(buf_span(&url), NULL, false, &out, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "at most 2048"));
	while (url.len < ROOM)
		ck_assert_int_eq(buf_putc(&url, 'a', &err), 0);
	ck_assert_int_eq(
	    outbound_url_check(buf_span(&url), NULL, false, &out, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "8192 bytes"));
	buf_free(&url);
	buf_free(&out);
}
END_TEST

/* Labels of 63 and 61: 253 letters; one more is no name of DNS. */
START_TEST(host_has_a_limit)
{
	struct buf url = BUF_INIT(ROOM), out = BUF_INIT(ROOM);
	struct err err = ERR_INIT;
	size_t i;

	ck_assert_int_eq(buf_puts(&url, "https://", &err), 0);
	for (i = 1; i <= 253; i++)
		ck_assert_int_eq(
		    buf_putc(&url, i % 64 == 0 ? '.' : 'a', &err), 0);
	ck_assert_int_eq(
	    outbound_url_check(buf_span(&url), NULL, false, &out, &err), 0);
	ck_assert_int_eq(buf_putc(&url, 'a', &err), 0);
	ck_assert_int_eq(
	    outbound_url_check(buf_span(&url), NULL, false, &out, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "at most 253"));
	buf_free(&url);
	buf_free(&out);
}
END_TEST

START_TEST(nul_ends_no_url)
{
	static const char url[] = "https://127.0.0.1\0.example.com/";
	struct buf out = BUF_INIT(ROOM);
	struct err err = ERR_INIT;

	ck_assert_int_eq(outbound_url_check(span_of(url, sizeof(url) - 1), NULL,
			     false, &out, &err),
	    -1);
	ck_assert_ptr_nonnull(strstr(err.text, "%00"));
	buf_free(&out);
}
END_TEST

/* Every byte in the place of every byte: refused, or in normal form. */
START_TEST(any_byte_anywhere)
{
	static const char url[] = "https://[::ffff:8.8.8.8]:8443/a?b";
	char changed[sizeof(url)];
	struct buf out = BUF_INIT(ROOM), again = BUF_INIT(ROOM);
	struct err err = ERR_INIT;
	size_t at;
	int byte;

	for (at = 0; at < sizeof(url) - 1; at++)
		for (byte = 0; byte < 256; byte++) {
			memcpy(changed, url, sizeof(url));
			changed[at] = (char)byte;
			buf_clear(&out);
			buf_clear(&again);
			if (outbound_url_check(
				span_of(changed, sizeof(url) - 1), NULL, true,
				&out, &err) < 0)
				continue;
			ck_assert_int_eq(outbound_url_check(buf_span(&out),
					     NULL, true, &again, &err),
			    0);
			ck_assert(span_eq(buf_span(&out), buf_span(&again)));
		}
	buf_free(&out);
	buf_free(&again);
}
END_TEST

START_TEST(any_length)
{
	static const char url[] = "https://user@[2606:4700::1111]:8443/a?b";
	struct buf out = BUF_INIT(ROOM);
	struct err err = ERR_INIT;
	size_t len;
	char *cut;

	for (len = 0; len < sizeof(url); len++) {
		cut = malloc(len + 1); /* so that a read behind it is seen */
		ck_assert_ptr_nonnull(cut);
		memcpy(cut, url, len);
		buf_clear(&out);
		(void)outbound_url_check(
		    span_of(cut, len), NULL, true, &out, &err);
		free(cut);
	}
	buf_free(&out);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("outbound_url");
	TCase *tc = tcase_create("outbound_url");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, url_is_judged, 0, NITEMS(rows));
	tcase_add_loop_test(tc, normal_form_stays, 0, NITEMS(rows));
	tcase_add_test(tc, length_has_a_limit);
	tcase_add_test(tc, host_has_a_limit);
	tcase_add_test(tc, nul_ends_no_url);
	tcase_add_test(tc, any_byte_anywhere);
	tcase_add_test(tc, any_length);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
