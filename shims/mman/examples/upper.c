/* Makes the letters of a file upper case, in place. */

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv) {
    struct stat file;
    int fd = open(argc > 1 ? argv[1] : "words.txt", O_RDWR);
    if (fd < 0 || fstat(fd, &file) != 0) return perror("can't open it"), 1;
    char *text = mmap(NULL, file.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (text == MAP_FAILED) return perror("can't map it"), 1;
    close(fd);
    for (off_t at = 0; at < file.st_size; at++) text[at] = toupper((unsigned char)text[at]);
    if (msync(text, file.st_size, MS_SYNC) != 0) return perror("can't sync it"), 1;
    printf("%lld bytes\n", (long long)file.st_size);
    return munmap(text, file.st_size);
}
