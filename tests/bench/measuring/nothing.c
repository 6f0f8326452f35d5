/* What it costs to execute a program at all. */
int main(void) { return 0; }
