/* Runs a fuzz target over the files of a directory, for t/05-fuzz-corpus.t, and prints TAP with one
 * test for each file. Each runs in a process of its own, so that one which breaks a promise does
 * not hide the next. */
#include "t/fuzz/fuzz.h"

#include <dirent.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST (1 << 20)

static int run(const char *name)
{
    FILE *file = fopen(name, "rb");
    uint8_t *data = malloc(MOST);
    size_t size;

    if (file == NULL || data == NULL) {
        perror(name);
        return 1;
    }
    size = fread(data, 1, MOST, file);
    fclose(file);
    memmove(data + MOST - size, data,
            size); /* to the end of the memory, so that nothing can be read after it unnoticed */
    LLVMFuzzerTestOneInput(data + MOST - size, size);
    free(data);
    return 0;
}

static int passes(const char *name)
{
    int status = -1;
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        _exit(run(name));
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    struct dirent **files;
    int count, failed = 0;

    if (argc != 2 || chdir(argv[1]) != 0
        || (count = scandir(".", &files, is_shown, alphasort)) < 0) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    printf("1..%d\n", count);
    for (int i = 0; i < count; i++) {
        int passed = passes(files[i]->d_name);

        printf("%s %d - %s\n", passed ? "ok" : "not ok", i + 1, files[i]->d_name);
        failed += !passed;
        free(files[i]);
    }
    free(files);
    return failed > 0;
}
