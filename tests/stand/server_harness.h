/*
 * server_harness.h: an owner's server in this process, over fakes, and a peer
 * that says what it is told to, byte by byte. Whatever does not come as
 * expected fails the test that runs.
 */
#ifndef EYELET_TESTS_SERVER_HARNESS_H
#define EYELET_TESTS_SERVER_HARNESS_H

#include "lib/owner/frame.h"
#include "lib/server/server.h"
#include "tests/stand/fake_owner.h"

#define FOREIGN_UID 64321 /* in nobody's passwd */
#define WAIT_MS 20000 /* for an answer that has to come */

/* The fixture: a folder, and a server on it that says it is version 1.2.0. */
extern char dir[64];
extern struct receive fake_receive;
extern struct ops fake_ops;
extern struct server *server;
extern atomic_int leaves; /* how often the server asked to leave */
extern struct budget server_bodies; /* of all requests, in bytes */

void make_dir(void);
void start_server(bool opening); /* opening: with no store yet */
void set_up(void);
void set_up_opening(void);
void tear_down(void);
void sleep_ms(long ms);

int plug(void); /* connects */
int greet(void); /* connects, says hello, is welcomed */
void send_bytes(int fd, const void *bytes, size_t len);
void send_frame(int fd, enum frame_type type, const void *bytes, size_t len);
void send_hello(int fd, const char *version);
void send_call(int fd, const char *json);
void send_request(int fd, const char *path, const char *body, int64_t declared);

/* The next frame, its content in room; 0: the connection ended. */
unsigned read_frame(int fd, struct buf *room);

void expect(int fd, enum frame_type type);
void expect_row(int fd, const char *json);
void expect_verdict(
    int fd, enum frame_type type, enum err_code code, const char *words);
void expect_end_of_connection(int fd); /* closes fd */
void expect_refusal(int fd, enum err_code code, const char *words);
void expect_reply(int fd, int status, const char *body);
void expect_service(void); /* the server lives, and serves others */

#endif
