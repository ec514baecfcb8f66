// Maps the files that it is given, as a program with softclose maps its own, until its standard input ends. With
// --main-ends its first thread ends before.
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *wait_for_the_end(void *nothing) {
    char byte;
    while (read(0, &byte, 1) > 0) {
    }
    exit(0);
    return nothing;
}

int main(int count, char **words) {
    int first = count > 1 && strcmp(words[1], "--main-ends") == 0 ? 2 : 1;
    for (int at = first; at < count; at++) {
        int file = open(words[at], O_RDWR);
        if (file < 0 || mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) == MAP_FAILED) {
            perror(words[at]);
            return 1;
        }
        close(file);
    }
    puts("ready");
    fflush(stdout);
    if (first == 2) {
        pthread_t thread;
        pthread_create(&thread, 0, wait_for_the_end, 0);
        pthread_exit(0);
    }
    wait_for_the_end(0);
}
