/* Runs one vector through the example: arguments uid, revision and interval of the store before, the payload on standard input. */
#include "../examples/sample-rate.c"

int main(int count, char **arguments) {
  static unsigned char payload[65536];
  char out[256];
  if (count == 4) {
    snprintf(twin.uid, sizeof twin.uid, "%s", arguments[1]);
    twin.revision = atol(arguments[2]);
    twin.interval = atol(arguments[3]);
  }
  int took = take(payload, (unsigned)fread(payload, 1, sizeof payload, stdin));
  report(out, sizeof out);
  printf("{\"took\":%d,\"report\":%s,", took, out);
  birth(out, sizeof out, 0xb7c1);
  printf("\"birth\":%s}\n", out);
  return 0;
}
