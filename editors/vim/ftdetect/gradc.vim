autocmd BufRead,BufNewFile *.nn setfiletype gradc
