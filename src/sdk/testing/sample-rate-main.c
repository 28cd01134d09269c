/*
 * Plays one start of the example, with EEPROM in FILE, and does what its header says. `desired FILE` hears the payload on standard input as
 * a document, `state FILE` and `get FILE` on those topics, `start FILE` hears none; `put UID REVISION INTERVAL FILE` makes an EEPROM.
 */
#include "../examples/sample-rate.c"

#define SESSION 0xb7c1

static void load(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) return;
  if (fread(&twin, sizeof twin, 1, file) != 1) memset(&twin, 0, sizeof twin);
  fclose(file);
}

static void store(const char *path) {
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(&twin, sizeof twin, 1, file) != 1 || fclose(file)) exit(1);
}

int main(int count, char **arguments) {
  static unsigned char payload[65536];
  char out[256];
  if (count == 6) { /* put UID REVISION INTERVAL FILE */
    snprintf(twin.uid, sizeof twin.uid, "%s", arguments[2]);
    twin.revision = atol(arguments[3]);
    twin.interval = atol(arguments[4]);
    store(arguments[5]);
    return 0;
  }
  if (count != 3) return 2;
  load(arguments[2]);
  int isStart = !strcmp(arguments[1], "start"), isDesired = !strcmp(arguments[1], "desired");
  unsigned length = isStart ? 0 : (unsigned)fread(payload, 1, sizeof payload, stdin);
  int took = isDesired ? take(payload, length) : 0;
  if (took) store(arguments[2]);
  report(out, sizeof out);
  printf("{\"took\":%d,\"foreign\":%d,\"asked\":%d,\"rate\":%ld,\"report\":%s,", took, foreign(payload, length, SESSION),
         asked(payload, length), rate(), out);
  birth(out, sizeof out, SESSION);
  printf("\"birth\":%s}\n", out);
  return 0;
}
