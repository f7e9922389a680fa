-- One looked-up column beside the images; no other name of the images view is hidden or doubled.
left join (select row as {key}, found as {column} from ({source})) on images.row = {key}
