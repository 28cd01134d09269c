/*
 * A device with one message, sensor.v1.SampleRate, for PubSubClient (Arduino) or any client that hands over a payload in a callback.
 * No allocation, no JSON library, about 2.5 kB of RAM:
 *   client.setBufferSize(2048)  the packet: header 5 + topic 2 + 128 + payload. The default of 256 drops larger ones without a word.
 *   MAX_BYTES 1900              the largest document this device takes; announced in its birth, so that the operator sends no larger.
 * At start: load `twin` and set rate(), before there is any network. Then, with a clean session:
 *   connect(id, user, password, "<base>/state", 1, true, WILL) - subscribe "<base>/desired", "<base>/get" and "<base>/state" with
 *   QoS 1 - publish birth(), retained - publish report(), retained - loop().
 *   "<base>/desired": take(). Unless it is 0 store `twin` (EEPROM, all of it or nothing), then set rate(), then publish report(), retained.
 *     Also what was rejected or withdrawn is stored: else an older value is back after the next start.
 *   "<base>/get": do what asked() says.
 *   "<base>/state": foreign(). When it is 1, publish birth() again after 1 to 5 s, at random, once for each connection: the will of an
 *     older connection, or another device under this id, has told everybody that this one is gone.
 * PubSubClient publishes with QoS 0 and does not wait for SUBACK: publish the report again after each connect and every few minutes,
 * which costs nothing and heals a lost one. It does not say what is retained either: a birth too many does no harm.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES 1900
#define WILL "{\"online\":false,\"session\":\"%08lx\",\"will\":true}"

#define DEFAULT_INTERVAL 60 /* seconds, while nothing is desired */

/* What EEPROM keeps. Revision 0: nothing is desired. `interval` is what is in effect, also while a newer one is rejected; 0: the default. */
struct twin { char uid[64]; long revision; long interval; int isRejected; } twin;

long rate(void) { return twin.interval ? twin.interval : DEFAULT_INTERVAL; }

/* The place behind "name": within the object that begins at `p`, never in what is nested deeper, in text, or behind its end; or 0. */
static const char *field(const char *p, const char *name) {
  int depth = 0;
  size_t length = strlen(name);
  for (; *p; p++) {
    if (*p == '"') {
      const char *text = p + 1;
      while (*++p && *p != '"') if (*p == '\\' && p[1]) p++;
      if (!*p) return 0;
      const char *after = p + 1 + strspn(p + 1, " \t\r\n");
      if (depth == 1 && *after == ':' && (size_t)(p - text) == length && !strncmp(text, name, length))
        return after + 1 + strspn(after + 1, " \t\r\n");
    } else if (*p == '{' || *p == '[') depth++;
    else if ((*p == '}' || *p == ']') && --depth == 0) return 0;
  }
  return 0;
}

static int whole(const char *p) { /* brackets and quotes close, and nothing follows: a document cut short is not taken */
  int depth = 0;
  for (; *p; p++) {
    if (*p == '"') { while (*++p && *p != '"') if (*p == '\\' && p[1]) p++; if (!*p) return 0; }
    else if (*p == '{' || *p == '[') depth++;
    else if ((*p == '}' || *p == ']') && --depth == 0) return p[1 + strspn(p + 1, " \t\r\n")] == 0;
  }
  return 0;
}

/* The JSON object of a payload, as text; 0: none that this device can read. */
static const char *object(const unsigned char *payload, unsigned length) {
  static char text[MAX_BYTES + 1];
  if (length == 0 || length > MAX_BYTES) return 0;
  memcpy(text, payload, length);
  text[length] = 0;
  const char *p = text + (strncmp(text, "\xef\xbb\xbf", 3) ? 0 : 3);
  p += strspn(p, " \t\r\n");
  return *p == '{' && strlen(text) == length && whole(p) ? p : 0;
}

/* 1: another rate; 2: the same rate again, or one it rejects; 3: withdrawn, the default holds; 0: nothing to do, keep what there is. */
int take(const unsigned char *payload, unsigned length) {
  const char *p = object(payload, length);
  if (!p) return 0;
  const char *version = field(p, "version"), *owner = field(p, "owner"), *messages = field(p, "messages"), *disabled = field(p, "disabled");
  const char *uid = owner ? field(owner, "uid") : 0, *end;
  if ((version && atol(version) != 1) || !uid || *uid != '"' || !(end = strchr(uid + 1, '"')) || end - uid > 63 || !messages) return 0;
  if (disabled && *disabled == 't') return 0;
  const char *entry = field(messages, "sensor.v1.SampleRate");
  if (!entry) { int had = twin.revision != 0; memset(&twin, 0, sizeof twin); return had ? 3 : 0; }
  const char *revision = field(entry, "revision"), *value = field(entry, "value"), *wanted = value ? field(value, "intervalSeconds") : 0;
  char *rest = 0;
  errno = 0;
  long number = revision ? strtol(revision, &rest, 10) : 0; /* not strtod: a double has 24 bits on an AVR */
  if (errno || number < 1 || number > 2147483647L || !strchr(",} \t\r\n", *rest)) return 0;
  int isOurs = twin.revision && !strncmp(twin.uid, uid + 1, end - uid - 1) && !twin.uid[end - uid - 1];
  if (isOurs && number <= twin.revision) return 0;
  snprintf(twin.uid, sizeof twin.uid, "%.*s", (int)(end - uid - 1), uid + 1);
  twin.revision = number;
  double seconds = wanted ? strtod(wanted, 0) : 0; /* 60, 60.0 and 6e1 are one number */
  twin.isRejected = !(seconds >= 1 && seconds <= 86400 && seconds == (long)seconds); /* 60.5 must not become 60 */
  if (twin.isRejected || twin.interval == (long)seconds) return 2;
  twin.interval = (long)seconds;
  return 1;
}

/* 1: a farewell on "<base>/state" that is not of this connection. */
int foreign(const unsigned char *payload, unsigned length, unsigned long session) {
  char own[16];
  const char *p = object(payload, length), *online = p ? field(p, "online") : 0, *theirs = p ? field(p, "session") : 0;
  snprintf(own, sizeof own, "\"%08lx\"", session);
  return online && *online == 'f' && !(theirs && !strncmp(theirs, own, strlen(own)));
}

/* For "<base>/reported/sensor.v1.SampleRate"; out: 256 bytes. */
int report(char *out, size_t size) {
  if (!twin.revision) return snprintf(out, size, "{\"version\":1,\"value\":{\"intervalSeconds\":%ld}}", rate());
  return snprintf(out, size, "{\"version\":1,\"uid\":\"%s\",\"revision\":%ld,\"status\":\"%s\",\"value\":{\"intervalSeconds\":%ld}}", twin.uid,
                  twin.revision, twin.isRejected ? "rejected\",\"reason\":\"intervalSeconds: whole, 1 to 86400" : "applied", rate());
}

/* For a payload on "<base>/get". 1: publish birth() again, with the same session; 2: publish report() again; 0: nothing. */
int asked(const unsigned char *payload, unsigned length) {
  return length == 5 && !memcmp(payload, "state", 5) ? 1 : length == 8 && !memcmp(payload, "reported", 8) ? 2 : 0;
}

/* For "<base>/state"; session: random for every connection, the same as in the will; out: 256 bytes. */
int birth(char *out, size_t size, unsigned long session) {
  return snprintf(out, size, "{\"version\":1,\"online\":true,\"session\":\"%08lx\",\"uid\":\"%s\",\"revision\":%ld,\"reports\":[\"sensor.v1.SampleRate\"],"
                  "\"maxBytes\":%d,\"sdk\":\"example-c/1\"}", session, twin.uid, twin.revision, MAX_BYTES);
}
